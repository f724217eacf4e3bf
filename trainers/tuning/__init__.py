"""The one training loop: batches, steps, checkpoints, devices and processes of any model.

`config` the settings it reads · `devices` and `processes` where it runs · `batches` which examples
share a step and which sequences a forward · `step` one gradient, within memory · `loop` all steps ·
`checkpoints` the state on disk · `divergence` the error of a loss that is no number.
"""
