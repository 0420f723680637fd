"""The store under a user who has docker/s3-policy.json and nothing else, on a server that asks who may do what."""

import json
import re
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from ner_tasks.errors import ConfigInvalid, NerTasksError
from ner_tasks.store.s3 import S3Store
from tests import s3 as servers

PREFIX = "ner"


@pytest.fixture(scope="module")
def server():
    """A server whose users may do what their policies say; `user` makes one with a bucket of its own."""
    with servers.running() as url:
        admin = servers.client(url)
        yield SimpleNamespace(url=url, admin=admin, iam=servers.client(url, "iam"), n=0)


@pytest.fixture
def as_user(server, root_policy, monkeypatch, tmp_path):
    """Makes a bucket and a user with the policy, less some actions; from then on boto3 is this user, and nobody else."""

    def become(without=()):
        servers.enforce(server.url, on=False)
        server.n += 1
        bucket, user = f"bucket-{server.n}", f"user-{server.n}"
        server.admin.create_bucket(Bucket=bucket)
        server.admin.put_object(Bucket=bucket, Key="others/secret.txt", Body=b"secret")
        policy = json.loads(root_policy.replace("BUCKET", bucket).replace("PREFIX", PREFIX))
        for statement in policy["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            statement["Action"] = [action for action in actions if action not in without] or ["s3:GetBucketLocation"]
        server.iam.create_user(UserName=user)
        server.iam.put_user_policy(UserName=user, PolicyName="ner", PolicyDocument=json.dumps(policy))
        key = server.iam.create_access_key(UserName=user)["AccessKey"]
        servers.enforce(server.url, on=True)
        for name, value in servers.CREDENTIALS.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        store = S3Store(bucket, PREFIX, cache=tmp_path / "cache", attempts=2, patience_s=0)
        return SimpleNamespace(bucket=bucket, store=store, client=store._bucket._client)

    yield become
    servers.enforce(server.url, on=False)


@pytest.fixture
def root_policy(request):
    return (request.config.rootpath / "docker" / "s3-policy.json").read_text(encoding="utf-8")


def a_night(store, tmp_path):
    """Each thing that a night, a promotion and the clearing up ask of the store, a file in several parts among them."""
    made = tmp_path / "made"
    made.mkdir(exist_ok=True)
    (made / "manifest.json").write_text('{"night": 1}')
    with (made / "documents.jsonl").open("wb") as file:
        file.truncate(17 * 2**20)  # more than one part
    store.put_file(made / "manifest.json", "inbox/day/a.txt")
    (file,) = store.files("inbox/day")
    assert store.fetch_files([file.key, "inbox/day/gone.txt"], tmp_path / "copies")[1] is None
    for _ in range(2):  # the second replaces the first
        store.publish(made, "tagged/day", marker="manifest.json")
    (made / "documents.jsonl").unlink()
    store.publish(made, "tagged/day", marker="manifest.json")
    assert (store.fetch("tagged/day") / "manifest.json").is_file()
    assert not store.exists("tagged/another")
    assert store.folders("tagged") == ["day"]
    assert store.read_bytes("tagged/day/manifest.json", 2, 5) == b"night"
    store.swap_json("models/promoted.json", {"version": "v1"}, etag=None)
    store.swap_json("models/promoted.json", {"version": "v2"}, etag=store.etag("models/promoted.json"))
    store.append_line("models/history.jsonl", "v2")
    with store.exclusive("models"):
        store.write_json("reports/x.json", store.read_json("models/promoted.json"))
    store.remove("tagged/day", marker="manifest.json")
    assert not store.exists("tagged/day")


def test_the_policy_is_enough_for_all_that_the_store_does(as_user, tmp_path):
    a_night(as_user().store, tmp_path)


@pytest.mark.parametrize("action", ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"])
def test_the_policy_grants_nothing_that_the_store_could_do_without(as_user, tmp_path, action):
    store = as_user(without=[action]).store
    with pytest.raises(NerTasksError, match="AccessDenied|expected to delete all|expected access"):
        a_night(store, tmp_path)


def test_a_user_without_rights_is_told_so_at_once(as_user):
    with pytest.raises(ConfigInvalid, match="AccessDenied.*expected access"):
        as_user(without=["s3:PutObject"]).store.write_json("reports/x.json", {})


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        pytest.param("get_object", {"Key": "others/secret.txt"}, id="read beside the prefix"),
        pytest.param("put_object", {"Key": "others/mine.txt", "Body": b"x"}, id="write beside the prefix"),
        pytest.param("delete_object", {"Key": "others/secret.txt"}, id="delete beside the prefix"),
        pytest.param("put_object_acl", {"Key": "ner/a.txt", "ACL": "public-read"}, id="make an object public"),
        pytest.param("put_bucket_policy", {"Policy": "{}"}, id="let others in"),
        pytest.param("get_bucket_policy", {}, id="read who may do what"),
        pytest.param("list_object_versions", {}, id="see what was deleted"),
        pytest.param("delete_bucket", {}, id="delete the bucket"),
    ],
)
def test_what_is_beyond_the_policy_is_denied(as_user, operation, arguments):
    user = as_user()
    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(user.client, operation)(Bucket=user.bucket, **arguments)


def test_other_buckets_are_out_of_reach(as_user, server):
    mine, others = as_user(), as_user().bucket
    me = as_user()
    for bucket in (mine.bucket, others):
        with pytest.raises(ClientError, match="AccessDenied"):
            me.client.list_objects_v2(Bucket=bucket)
    with pytest.raises(ClientError, match="AccessDenied"):
        me.client.create_bucket(Bucket="one-more")


def test_the_policy_names_its_actions_one_by_one(root_policy):
    said = json.loads(root_policy)
    actions = [
        action
        for statement in said["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]
    assert all(re.fullmatch(r"s3:[A-Za-z]+", action) for action in actions)
    assert all(
        statement["Effect"] == "Allow" and "*" not in statement["Resource"].removesuffix("/*")
        for statement in said["Statement"]
    )
