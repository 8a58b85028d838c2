"""Whether this is a pipeline: then files come from people whom nobody may have read yet."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CI_VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "CI": "most of them",
        "APPVEYOR": "AppVeyor",
        "BITBUCKET_BUILD_NUMBER": "Bitbucket Pipelines",
        "BITRISE_IO": "Bitrise",
        "BUDDY": "Buddy",
        "BUILDKITE": "Buildkite",
        "BUILD_BUILDID": "Azure Pipelines",
        "CF_BUILD_ID": "Codefresh",
        "CIRCLECI": "CircleCI",
        "CIRRUS_CI": "Cirrus CI",
        "CODEBUILD_BUILD_ID": "AWS CodeBuild",
        "CONTINUOUS_INTEGRATION": "Travis CI and others",
        "DRONE": "Drone",
        "FORGEJO_ACTIONS": "Forgejo Actions",
        "GITEA_ACTIONS": "Gitea Actions",
        "GITHUB_ACTIONS": "GitHub Actions",
        "GITLAB_CI": "GitLab CI",
        "GO_PIPELINE_NAME": "GoCD",
        "HARNESS_BUILD_ID": "Harness",
        "HUDSON_URL": "Hudson",
        "JENKINS_URL": "Jenkins",
        "SEMAPHORE": "Semaphore",
        "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": "Azure Pipelines",
        "TEAMCITY_VERSION": "TeamCity",
        "TF_BUILD": "Azure Pipelines",
        "TRAVIS": "Travis CI",
        "WERCKER": "Wercker",
        "WOODPECKER": "Woodpecker",
        "bamboo_buildKey": "Bamboo",
    }
)
"""The environment variables by which CI systems can be told, and whose they are."""

_OFF = frozenset({"", "0", "false"})


def pipeline_variable(environ: Mapping[str, str]) -> str | None:
    """Return the variable that tells that this is a pipeline; None where none does.

    A value of `0`, `false` or nothing does not count.
    """
    for name in CI_VARIABLES:
        if environ.get(name, "").strip().lower() not in _OFF:
            return name
    return None
