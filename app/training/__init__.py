"""Fine-tuning of the clothing model; needed to make a checkpoint, never to serve one."""
