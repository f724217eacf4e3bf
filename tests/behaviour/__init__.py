"""Show that two checkouts behave alike, through nothing but their stable interfaces.

    python -m tests.behaviour.record --checkout BEFORE --out before.json
    python -m tests.behaviour.record --checkout AFTER --out after.json
    python -m tests.behaviour.compare before.json after.json

Run them from the root of a checkout that has a `.venv`, with that environment's Python. `record`
starts its own PostgreSQL and a web server of the checkout in a temporary folder, takes about two
minutes on two cores, and leaves nothing behind. `compare` lists what differs and exits with 1 when
anything does; two recordings of one commit do not differ.

A checkout is used through `manage.py`, `python -m trainers` and HTTP alone, so that modules may
move between the two. Recorded are:

- `trainers`: a digest of each snapshot, of each tensor of each artifact, the metrics, and what
  `score`, `predict`, `evaluate` and `consensus` print. A setting that has been renamed since is
  given under all of its names in `setting_names.py`.
- `exports`: a digest of each export shape in each format, over the starter pool.
- `schema`: the OpenAPI document.
- `pages`: texts and controls of every page that has no parameters, and of one page of every other
  kind that they link to, for a visitor, a contributor and an operator, in English and German.

Left out, because it differs between two runs of one commit (`normalise.py` replaces each by a
mark): random identifiers, times, digests, ports, measured durations. Texts of the pool's prompts
and answers, of which a page may show a random one, are left out of pages and checked in exports.
"""
