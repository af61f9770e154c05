"""The clients people use, each as it comes: installed beside pytest, given keys and an endpoint."""

import os
import pathlib
import sys

from world import run

TOOLS = pathlib.Path(sys.executable).parent


class Client:
    """One client program with a home of its own, so that nothing on this machine configures it."""

    def __init__(self, world, home):
        self.world, self.home = world, pathlib.Path(home)
        self.home.mkdir(parents=True, exist_ok=True)
        access, secret = world.keys()
        self.access, self.secret = access, secret
        self.environment = {
            "PATH": f"{TOOLS}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "AWS_ACCESS_KEY_ID": access,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": world.region,
            "AWS_REGION": world.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        }

    def call(self, *command, **more):
        return run(*command, env=self.environment, timeout=1200, **more)


class Aws(Client):
    """aws-cli."""

    def __call__(self, *arguments):
        return self.call(TOOLS / "aws", "--endpoint-url", self.world.endpoint, *arguments)

    def make(self, bucket):
        self("s3", "mb", f"s3://{bucket}")

    def up(self, source, bucket, key):
        self("s3", "cp", "--only-show-errors", source, f"s3://{bucket}/{key}")

    def down(self, bucket, key, to):
        self("s3", "cp", "--only-show-errors", f"s3://{bucket}/{key}", to)

    def keys(self, bucket):
        listed = self("s3", "ls", "--recursive", f"s3://{bucket}")
        return sorted(line[31:] for line in listed.splitlines())

    def remove(self, bucket, key):
        self("s3", "rm", f"s3://{bucket}/{key}")

    def remove_bucket(self, bucket):
        self("s3", "rb", f"s3://{bucket}")


class Rclone(Client):
    def __init__(self, world, home):
        super().__init__(world, home)
        settings = {
            "type": "s3",
            "provider": "Other",
            "access_key_id": self.access,
            "secret_access_key": self.secret,
            "endpoint": world.endpoint,
            "region": world.region,
        }
        lines = "\n".join(f"{name} = {value}" for name, value in settings.items())
        (self.home / "rclone.conf").write_text(f"[here]\n{lines}\n")

    def __call__(self, *arguments):
        return self.call(TOOLS / "rclone", "--config", self.home / "rclone.conf", "--retries", 1, *arguments)

    def make(self, bucket):
        self("mkdir", f"here:{bucket}")

    def up(self, source, bucket, key):
        self("copyto", source, f"here:{bucket}/{key}")

    def down(self, bucket, key, to):
        self("copyto", f"here:{bucket}/{key}", to)

    def keys(self, bucket):
        return sorted(self("lsf", "--recursive", "--files-only", f"here:{bucket}").splitlines())

    def remove(self, bucket, key):
        self("deletefile", f"here:{bucket}/{key}")

    def remove_bucket(self, bucket):
        self("rmdir", f"here:{bucket}")


class S3cmd(Client):
    def __init__(self, world, home):
        super().__init__(world, home)
        host = f"127.0.0.1:{world.port}"
        settings = {
            "access_key": self.access,
            "secret_key": self.secret,
            "host_base": host,
            "host_bucket": host,
            "bucket_location": world.region,
            "use_https": "False",
        }
        lines = "\n".join(f"{name} = {value}" for name, value in settings.items())
        (self.home / "s3cfg").write_text(f"[default]\n{lines}\n")

    def __call__(self, *arguments):
        return self.call(TOOLS / "s3cmd", "-c", self.home / "s3cfg", "--no-progress", *arguments)

    def make(self, bucket):
        self("mb", f"s3://{bucket}")

    def up(self, source, bucket, key):
        self("put", source, f"s3://{bucket}/{key}")

    def down(self, bucket, key, to):
        self("get", "--force", f"s3://{bucket}/{key}", to)

    def keys(self, bucket):
        listed = self("ls", "--recursive", f"s3://{bucket}")
        return sorted(line.split(f"s3://{bucket}/", 1)[1] for line in listed.splitlines())

    def remove(self, bucket, key):
        self("del", f"s3://{bucket}/{key}")

    def remove_bucket(self, bucket):
        self("rb", f"s3://{bucket}")


class S5cmd(Client):
    def __call__(self, *arguments):
        return self.call(TOOLS / "s5cmd", "--endpoint-url", self.world.endpoint, *arguments)

    def make(self, bucket):
        self("mb", f"s3://{bucket}")

    def up(self, source, bucket, key):
        self("cp", source, f"s3://{bucket}/{key}")

    def down(self, bucket, key, to):
        self("cp", f"s3://{bucket}/{key}", to)

    def keys(self, bucket):
        listed = self("ls", f"s3://{bucket}/*")
        return sorted(line.split(maxsplit=3)[3] for line in listed.splitlines() if "DIR" not in line[:40])

    def remove(self, bucket, key):
        self("rm", f"s3://{bucket}/{key}")

    def remove_bucket(self, bucket):
        self("rb", f"s3://{bucket}")


class Restic(Client):
    """A backup program: a repository of encrypted packs, locks and snapshots in one bucket."""

    def __init__(self, world, home, bucket):
        super().__init__(world, home)
        self.environment["RESTIC_PASSWORD"] = "a password"
        self.environment["RESTIC_REPOSITORY"] = f"s3:{world.endpoint}/{bucket}"

    def __call__(self, *arguments):
        return self.call("restic", "--cache-dir", self.home / "cache", *arguments)


ALL = {"aws": Aws, "rclone": Rclone, "s3cmd": S3cmd, "s5cmd": S5cmd}
