"""Show that two checkouts behave alike, through nothing but their stable interfaces.

    python -m tests.behaviour.record --checkout BEFORE --out before.json
    python -m tests.behaviour.record --checkout AFTER --out after.json
    python -m tests.behaviour.compare before.json after.json

Run them from the root of a checkout that has a `.venv`, with that environment's Python. `record`
starts its own PostgreSQL and a web server of the checkout in a temporary folder, takes about three
minutes on two cores, and leaves nothing behind; `--parts exports pages` and the like record less.
Leave the checkout alone meanwhile. `compare` lists what differs and exits with 1 when anything
does; two recordings of one commit do not differ.

A checkout is used through `manage.py`, `python -m trainers` and HTTP alone, so that modules may
move between the two. Recorded are:

- `trainers`: a digest of each snapshot, of each tensor of each artifact, the metrics, and what
  `score`, `predict`, `evaluate` and `consensus` print. A setting that has been renamed since is
  given under all of its names in `setting_names.py`.
- `work`: what an import and each periodic task said.
- `exports`: a digest of each export shape in each format, over the starter pool and made-up
  judgments of people. `unpaired` has no rows there.
- `schema`: the OpenAPI document.
- `judging`, `withdrawal`: what REST answered on the way of one judgment.
- `pages`: texts and controls of every page that has no parameters, and of one page of every other
  kind that they link to, for a visitor, a contributor and an operator, in English and German.

Both checkouts are given the same files, the starter pool of the checkout that records. What differs
between two recordings of one commit is replaced by a mark (`normalise.py`): random identifiers and
secrets, times, digests, ports, measured durations, the prompts and answers that a page draws from
the pool (the exports hold them all), how alike two answers are in the order in which chance shows
them, and the figures on the page of a run, whose curve has a point a second. Not visited are the
figures of `/metrics`, and pages that only answer a form.
"""
