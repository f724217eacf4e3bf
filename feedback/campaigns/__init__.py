"""What is to be labelled: guidelines, aspects, overlap, budget, tasks, gold items."""
