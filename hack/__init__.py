"""What the project needs around itself and never ships: the local cluster, image files. Standard library only."""
