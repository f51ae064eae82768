"""The reviewers' page: how quickly, how alike and how surely the people of a project review; and how they are asked."""
