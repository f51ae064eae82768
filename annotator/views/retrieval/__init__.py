"""The Retrieval workspace: Recall@10 one case at a time, the plane of the embeddings, the picture of S, the tables."""
