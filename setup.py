"""All of it stands in setup.cfg; only the catalogues of messages have to be compiled before they are packed."""

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithWords(build_py):
    """Babel's own command compiles them; setup.cfg says which."""

    def run(self) -> None:
        """Compile, then pack."""
        self.run_command("compile_catalog")
        super().run()


setup(cmdclass={"build_py": BuildWithWords})
