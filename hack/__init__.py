"""What the project needs around itself and never ships: the local cluster, image files, workloads. Standard library only."""
