"""What the tests on a real server share: a sample person, her collection, photographs without captions."""

from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from sidecar.commands.demo import samples
from tests.doubles.resourcespace_house import Server
from tests.live.given import Sidecar, answer, names_in, until
from tests.live.pages import Pages

ASA = "Åsa Sample"
MOST = 1400  # px, the longer side


@dataclass
class Story:
    """A server, our sidecar beside it, a browser window; and what was made on the server."""

    server: Server
    sidecar: Sidecar
    pages: Pages
    folder: Path
    refs: list[str] = field(default_factory=list)
    collections: list[str] = field(default_factory=list)

    def portrait(self, prefix: str, name: str) -> Path:
        """A sample portrait as a file without the caption and names that it came with."""
        path = self.folder / name
        with Image.open(samples.portrait(prefix)) as picture:
            plain = picture.convert("RGB")
            plain.thumbnail((MOST, MOST))
            plain.save(path, quality=90)
        return path

    def together(self, name: str, *prefixes: str) -> Path:
        """Several portraits side by side on one picture."""
        opened = [Image.open(self.portrait(prefix, f"part-{prefix}.jpg")) for prefix in prefixes]
        parts = [part.resize((part.width * 900 // part.height, 900)) for part in opened]
        both = Image.new("RGB", (sum(part.width for part in parts), 900))
        for number, part in enumerate(parts):
            both.paste(part, (sum(before.width for before in parts[:number]), 0))
        both.save(self.folder / name, quality=90)
        return self.folder / name

    def collection(self, title: str = "Open day (sample)") -> str:
        """An empty collection."""
        self.collections.append(self.server.collection(title))
        return self.collections[-1]

    def members(self, collection: str) -> list[str]:
        """What a collection holds; it is deleted when the test ends."""
        rows = answer(self.server, "facelease_members", collection=collection, offset=0, limit=100)["refs"]
        self.refs += [str(ref) for ref in rows if str(ref) not in self.refs]
        return [str(ref) for ref in rows]

    def put(self, collection: str, file: Path) -> str:
        """A photograph into a collection, by the API."""
        ref = self.server.photo(file.read_bytes())
        self.refs.append(ref)
        assert answer(self.server, "add_resource_to_collection", resource=ref, collection=collection) is True
        return ref

    def end_collections(self) -> None:
        """Delete them."""
        for collection in self.collections:
            answer(self.server, "delete_collection", collection=collection)

    # ---- people ------------------------------------------------------------------------------

    def asa_signs(self, *channels: str, until_day: str = "2027-12-31") -> None:
        """She agrees to recognition and to these channels, and brings two photographs."""
        form = self.folder / "form.txt"
        form.write_text("SAMPLE, NOT SIGNED BY THE PERSON SHOWN.\n")
        self.sidecar.run("person", "add", ASA, "--of-age")
        publications = [word for channel in channels for word in ("--publication", f"communication:{channel}")]
        self.sidecar.run(
            "quitclaim",
            "add",
            ASA,
            "--recognition",
            *publications,
            "--until",
            until_day,
            "--text-version",
            "sample",
            "--evidence",
            str(form),
            handed_on=True,
        )
        faces = [str(self.portrait(sha, f"{sha}.jpg")) for sha in (samples.A_FRONT, samples.A_SPEECH)]
        self.sidecar.run("person", "enrol", ASA, *faces, handed_on=True)

    def until_named(self, ref: str) -> None:
        """Wait until her name stands in the resource's metadata."""
        until(lambda: names_in(self.server, ref) == {ASA})
