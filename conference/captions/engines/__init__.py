"""What recognises speech. All of it runs in processes of its own (`captions.worker`)."""
