# Both plugins and Meltano, for machines that keep nothing: the ledger is in PostgreSQL then.
#
#   docker build -t target-cordial:0.1.0 .
#   docker run --rm --env-file .env target-cordial:0.1.0
#
# Every argument goes to Meltano: `docker run … target-cordial:0.1.0 invoke target-cordial:status`.
# A project of your own is mounted over /project/meltano.yml.
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY plugins plugins
COPY target_cordial target_cordial
COPY tap_amplitude tap_amplitude
COPY cordial_sandbox cordial_sandbox
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --constraint constraints.txt \
        '.[imports,postgres]' 'meltano[postgres]'

FROM python:${PYTHON}-slim
RUN groupadd --gid 10001 cordial \
    && useradd --uid 10001 --gid cordial --home-dir /project --no-create-home cordial \
    && install -d -o cordial -g cordial /project /project/.meltano
COPY --from=build /opt/venv /opt/venv
COPY --chown=root:root meltano.yml /project/meltano.yml
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /project
USER 10001:10001
ENTRYPOINT ["meltano"]
CMD ["run", "tap-amplitude", "target-cordial"]
