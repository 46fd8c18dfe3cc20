"""What should run: the declared jobs, as plain data. One module for each service that owns jobs, with a list `JOBS`.

A new module is found by itself (`provider.job.declarations`); one whose name begins with an underscore holds helpers.
Importing this package imports neither Pulumi nor anything that talks to Dkron.
"""
