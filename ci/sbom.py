#!/usr/bin/env python3
"""Writes sbom.json (CycloneDX 1.5): what Tandem is built from and linked with.

Run after a change of ci/sources.py or of the libraries in CMakeLists.txt; `--check` says whether
the file is as it would be written.
"""
import json
import pathlib
import sys

from sources import PACKAGES

ROOT = pathlib.Path(__file__).resolve().parents[1]

# source package, version in Debian 12, licence, where it is linked
SOURCES = {
    "bearssl": ("0.6", "MIT", "SHA-2, P-256, RSA on host and device"),
    "libsodium": ("1.0.18", "ISC", "Ed25519 on host and device"),
}
HOST = [
    ("openssl", "3.0", "Apache-2.0", "keys/: PEM, PKCS#8, signing"),
    ("libuv1", "1.44", "MIT", "transport/: the event loop"),
    ("jansson", "2.14", "MIT", "tools/: JSON"),
    ("libyaml", "0.2.5", "MIT", "tools/: YAML"),
    ("libzip", "1.7.3", "BSD-3-Clause", "tools/: update packages"),
    ("xz-utils", "5.4.1", "public domain", "tools/: liblzma compresses images"),
]
TESTS = [
    ("cmocka", "1.1.5", "Apache-2.0", "unit tests"),
    ("libcbor", "0.8.0", "MIT", "differential fuzzing of cbor/"),
]


def component(name, version, licence, says, scope="required"):
    return {
        "type": "library",
        "bom-ref": f"debian/{name}",
        "name": name,
        "version": version,
        "description": says,
        "scope": scope,
        "licenses": [{"license": {"name" if " " in licence else "id": licence}}],
        "purl": f"pkg:deb/debian/{name}@{version}?arch=source&distro=debian-12",
    }


def bom():
    components = []
    for _, name, tarball, digest in PACKAGES:
        version, licence, says = SOURCES[name]
        one = component(name, version, licence, says)
        one["hashes"] = [{"alg": "SHA-256", "content": digest}]
        one["properties"] = [{"name": "tandem:source-tarball", "value": tarball}]
        components.append(one)
    components += [component(*row) for row in HOST]
    components += [component(*row, scope="excluded") for row in TESTS]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "tandem",
                "name": "tandem",
                "version": "0.1.0",
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": components,
        "dependencies": [
            {"ref": "tandem", "dependsOn": [c["bom-ref"] for c in components
                                            if c["scope"] == "required"]},
        ],
    }


def main():
    text = json.dumps(bom(), indent=2) + "\n"
    path = ROOT / "sbom.json"
    if "--check" in sys.argv:
        if not path.is_file() or path.read_text() != text:
            sys.exit("sbom.json is not what ci/sbom.py writes")
        return
    path.write_text(text)


if __name__ == "__main__":
    main()
