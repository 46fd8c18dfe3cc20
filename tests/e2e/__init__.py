"""End to end: a pulumi CLI, the program, its provider process and a dkron server, over real sockets."""
