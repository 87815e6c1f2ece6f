"""A real one-node Elasticsearch, for those who use it and have a JDK: `secondpass up --engine elasticsearch`.

The published test distribution has the standard analyzers only and no painless, so quality figures come from
OpenSearch. Security is off: the node listens on loopback and is there to be tried.
"""

import os
import shutil
from pathlib import Path

from rich.console import Console

from connector.local.artifacts import Artifact, fetch, unpack
from connector.local.folders import engine_account, engine_folder, give
from connector.local.java import full_jdk
from connector.local.opensearch import Place, answers, configuration
from connector.local.processes import Part

VERSION = "9.5.3"
_GROUP = "org.elasticsearch.distribution.integ-test-zip"
ARTIFACTS = {
    VERSION: Artifact(
        _GROUP,
        "elasticsearch",
        VERSION,
        "zip",
        132_390_005,
        "bec49f3b8d00e75c8d1cec85c35298635ec9fbd3ae80ef5aeb6bc05abdb3db2d",
    ),
    "8.19.21": Artifact(
        _GROUP,
        "elasticsearch",
        "8.19.21",
        "zip",
        106_871_955,
        "215d5f3dbf0609a149f6218a9e47b6ae2df34ebbff3c5754e35f15a5e5393c8a",
    ),
}
_LEAST_JAVA = {VERSION: 21, "8.19.21": 17}
_BOOT_S = 300.0  # 14-21 s on an idle machine with two cores


def install(version: str = VERSION, console: Console | None = None) -> Path:
    """Fetch and unpack the distribution once; its home folder."""
    home = engine_folder(engine_account()) / f"elasticsearch-{version}"
    if home.exists():
        return home
    artifact = ARTIFACTS[version]
    return unpack(fetch([artifact], console)[artifact], home, inside=home.name)


def elasticsearch(place: Place, version: str = VERSION, console: Console | None = None) -> Part:
    """The node as a part of the stack. Raises PartFailed where files or a JDK cannot be had."""
    account = engine_account()
    java = full_jdk(_LEAST_JAVA[version], account)
    home = install(version, console)
    for folder in (place.work / "logs", place.work / "tmp", place.data):
        folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(home / "config", place.work / "config", dirs_exist_ok=True)
    settings = configuration(place) + "xpack.security.enabled: false\n"
    (place.work / "config" / "elasticsearch.yml").write_text(settings, encoding="utf-8")
    give(place.work, account)
    give(place.data, account)
    return Part(
        name=place.name,
        command=("bash", str(home / "bin" / "elasticsearch")),
        log=place.work.with_name(f"{place.work.name}.log"),
        ready=answers(f"http://127.0.0.1:{place.port}"),
        limit_s=_BOOT_S,
        environment={
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "ES_JAVA_HOME": str(java),
            "ES_PATH_CONF": str(place.work / "config"),
            "ES_JAVA_OPTS": " ".join(
                [f"-Xms{place.heap}", f"-Xmx{place.heap}", "-XX:-UseG1GC", "-XX:+UseSerialGC", *place.flags]
            ),
            "ES_TMPDIR": str(place.work / "tmp"),
        },
        folder=place.work,
        account=account,
        ports=(place.port, place.transport),
    )
