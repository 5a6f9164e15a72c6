"""The code of the child process, which runs beside Cinder: sent there as source by ``process.py``, never imported here.

It needs ``cinder`` and nothing of ours, so that the child may be any Python that has it. These modules therefore import only
the standard library, Cinder with what Cinder needs, and each other; and they run on every Python that a Cinder release runs on.
What crosses the channel is plain data: None, bool, int, float, str, bytes, list and dict.
"""
