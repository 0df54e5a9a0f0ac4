-- Runs once, on an empty volume: the ledger's database is made by the image itself.
CREATE DATABASE mlflow;
CREATE DATABASE prefect;
