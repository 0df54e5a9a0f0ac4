FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements.lock .
RUN pip install --no-cache-dir -r requirements.lock
COPY pyproject.toml README.md prefect.yaml ./
COPY features features
COPY models models
COPY monitoring monitoring
COPY flows flows
RUN pip install --no-cache-dir --no-deps .
RUN useradd --create-home perennial && mkdir /state /artifacts \
    && chown perennial /state /artifacts
USER perennial
CMD ["perennial", "--help"]
