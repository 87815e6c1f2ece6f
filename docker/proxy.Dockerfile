# The proxy alone: no model library. Built from the repository's root:
#   docker build -f docker/proxy.Dockerfile -t secondpass-proxy .
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY connector ./connector
COPY workers ./workers
COPY mappings ./mappings
RUN python -m venv /opt/secondpass \
    && /opt/secondpass/bin/pip install --no-cache-dir ".[proxy,opensearch,elasticsearch]"

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home secondpass
COPY --from=build /opt/secondpass /opt/secondpass
ENV PATH=/opt/secondpass/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SECONDPASS_PROXY__HOST=0.0.0.0
USER 10001
WORKDIR /home/secondpass
EXPOSE 9280
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9280/_secondpass/ready', timeout=2)"]
ENTRYPOINT ["secondpass"]
CMD ["proxy"]
