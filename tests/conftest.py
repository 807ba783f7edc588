"""What holds for all tests."""

import os

# As the local engine does before torch is loaded: threads that wait busily starve each other on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
