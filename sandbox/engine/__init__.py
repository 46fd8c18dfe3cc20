"""A stand-in for the Pulumi CLI and engine, for development and tests on machines that can't install the real one.

It drives the Pulumi Python SDK's program and dynamic provider processes over the SDK's own gRPC stubs and keeps
state in Pulumi's own file layout. It must not be imported by the product, and refuses what it doesn't support.
"""
