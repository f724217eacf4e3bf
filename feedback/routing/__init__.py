"""Which models a person sees next, and the log of those decisions.

services    choose models for a prompt, log the choice with its probability
decision    from a prompt to the probability of each choice
policy      the probability of each choice from posterior draws of scores
posterior   what is believed about each model's score, and from which embedding
constraints, latency    who may be asked
models, selectors, retention    the log; who can be chosen; how long the log is kept
api, views, urls, tasks, ttl_cache

prompt_vectors/         vectors of prompts, from the inference server and in pgvector
new_models/             posteriors of versions that are newer than the embedding
calibration_prompts/    prompts whose answers give a new model its first vector
thresholds/             a strong and a weak model, and which prompts each is asked
explaining/             why these models, the log as operators read it, the worth of routers
"""
