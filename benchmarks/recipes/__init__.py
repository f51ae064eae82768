"""Training recipes against one another: the paper's and ours on generated kitchens, and on people's voices."""
