"""What runs in the child process, beside Cinder: never imported here, sent there as source (see ``bundle.py``).

It needs ``cinder`` and nothing of ours, so that the child may be any Python that has it. These modules therefore import only
the standard library, Cinder with what Cinder needs, and each other; and they run on every Python that a Cinder release runs on.
What crosses the channel is plain data: None, bool, int, float, str, bytes, list and dict.
"""
