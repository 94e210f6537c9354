#!/usr/bin/env bash
# Spark infers a timestamp for 19:30 in a CSV file: today at 19:30, another value on each day that it reads the file.
# A good engineer expects a text, or the type TIME, which Spark has since 4.1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q pyspark==4.1.4
venv/bin/python - <<'EOF'
import datetime
import os

import pyspark
from pyspark.sql import SparkSession

settings = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
spark = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
print("pyspark", pyspark.__version__)
with open("showings.csv", "w") as file:
    file.write("movie_id,show_time\n1,19:30\n2,20:15\n")
before = datetime.date.today()
found = spark.read.csv("showings.csv", header=True, inferSchema=True)
times = [row.show_time for row in found.collect()]
print(found.schema.simpleString(), times)
assert dict(found.dtypes)["show_time"] == "timestamp"
assert times[0].time() == datetime.time(19, 30)
assert times[0].date() in (before, datetime.date.today())
spark.stop()
EOF
