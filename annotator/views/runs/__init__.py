"""The Runs workspace: start a fine-tune, watch its loss and Recall@10, compare it with earlier ones."""
