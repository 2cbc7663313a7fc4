"""Serves the application object of a Python submission on the address given in the environment.

Usage: launcher.py MODULE OBJECT

The object may be an ASGI application, a function without parameters that returns one, or an object of the miner
SDK: a ``BaseAgent`` is wrapped by the SDK's ``build_agent_app``, a ``MinerApp`` carries its application in ``app``.
Reads MINER_RUNTIME_HOST and MINER_RUNTIME_PORT.
"""

import importlib
import inspect
import os
import sys


def resolve(module_name: str, object_path: str) -> object:
    """The named object; ends the process with one clear line when there is none."""
    module = importlib.import_module(module_name)
    target: object = module
    for part in object_path.split("."):
        if not hasattr(target, part):
            sys.exit(f"module {module_name!r} has no object {object_path!r}: set sdk_runtime.app_object")
        target = getattr(target, part)
    return target


def as_application(target: object) -> object:
    """The ASGI application behind an object of the submission."""
    if inspect.isfunction(target) and not inspect.signature(target).parameters:
        target = target()
    if any(base.__module__.partition(".")[0] == "eirel" for base in type(target).__mro__):
        from eirel.agent_server import build_agent_app
        from eirel.app import MinerApp
        from eirel.base_agent import BaseAgent

        if isinstance(target, BaseAgent):
            return build_agent_app(target)
        if isinstance(target, MinerApp):
            return target.app
    if not callable(target):
        sys.exit(f"the application object is a {type(target).__name__}, which no server can call")
    return target


def main() -> None:
    module_name, object_path = sys.argv[1:3]
    # The submission's own directory comes first, as it does for a module that is run; ours is not on the path.
    sys.path[0] = os.getcwd()
    import uvicorn

    application = as_application(resolve(module_name, object_path))
    uvicorn.run(
        application,
        host=os.environ["MINER_RUNTIME_HOST"],
        port=int(os.environ["MINER_RUNTIME_PORT"]),
        log_level="info",
    )


if __name__ == "__main__":
    main()
