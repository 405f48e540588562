"""A small API that behaves as the real one does: streams with replay, uploads, slow answers, health with a body."""
