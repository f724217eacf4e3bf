"""`python -m trainers`: the numeric library without the web application."""

import sys

from trainers.commands.main import main
from trainers.process import die_with_parent, end_cleanly_on_sigterm

if __name__ == "__main__":
    end_cleanly_on_sigterm()
    die_with_parent()
    sys.exit(main(sys.argv[1:]))
