"""The kinds of batch jobs, one module or package each; `jobs.contract.BUILTIN` lists them."""
