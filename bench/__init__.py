"""The measurements that the README quotes: this project beside a floor, the bare requests and a stateless reconciler.

Nothing of the product imports this package, and it changes nothing outside its temporary folders and `--out`.
"""
