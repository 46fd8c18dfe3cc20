"""A stand-in for the Pulumi CLI and engine. It drives the program and the dynamic provider of the Python SDK over the
SDK's own gRPC stubs, keeps Pulumi's own files, and refuses what it doesn't support. The product never imports it.
"""
