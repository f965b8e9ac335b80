"""Two Lambda functions for a labeling job: one prepares every text, one decides what the workers meant.

They are ordinary functions for AWS's Python runtimes; nothing in them knows about Labelwright.
"""

import json
from collections import Counter

import boto3

INTENTS = ["track", "return", "complain", "other"]


def prepare(event, context):
    """Called for every object: what the page shows, and whether anybody has to look at it at all."""
    text = event["dataObject"]["source"].strip()
    return {
        "taskInput": {"text": text, "intents": INTENTS},
        "isHumanAnnotationRequired": len(text.split()) > 1,
    }


def decide(event, context):
    """Called for a group of objects: the intent that most workers chose, and how many agreed."""
    attribute = event["labelAttributeName"]
    labels = []
    for item in read_json(event["payload"]["s3Uri"]):
        votes = [intent_of(annotation["annotationData"]) for annotation in item["annotations"]]
        intent, n_votes = Counter(votes).most_common(1)[0]
        content = {attribute: {"intent": intent, "agreement": n_votes / len(votes)}}
        labels.append(
            {"datasetObjectId": item["datasetObjectId"], "consolidatedAnnotation": {"content": content}}
        )
    return labels


def intent_of(data):
    """One worker's choice; answers of more than a megabyte lie in a file of their own."""
    answer = json.loads(data["content"]) if "content" in data else read_json(data["s3Uri"])
    return answer["intent"]["label"]


def read_json(uri):
    """An object of S3, parsed."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return json.loads(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
