"""What a pull request, a merge and a schedule need: comments, the reviewed digest, one issue."""
