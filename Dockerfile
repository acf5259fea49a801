# Alpha Panda, for docker-compose.yml: one image, many processes. No compiler, no root, no secret in any layer.
FROM node:22-slim AS charts
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim AS packages
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
RUN pip install --no-cache-dir "uv>=0.9,<1" && python -m venv /opt/venv
COPY requirements/base.txt /tmp/base.txt
# What was resolved is installed and nothing is resolved anew: requirements/overrides.txt says why.
RUN uv pip install --python /opt/venv/bin/python --no-deps --require-hashes -r /tmp/base.txt

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=alphapanda.settings ALPHAPANDA_STATE_DIR=/state STATIC_MANIFEST=true
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin panda && install -d -o panda -g panda /state
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY . .
COPY --from=charts /build/node_modules/lightweight-charts/dist node_modules/lightweight-charts/dist
# Settings want a secret key to be read at all; this one signs nothing and stays in no file.
RUN SECRET_KEY=only-while-building ALPHAPANDA_STATE_DIR=/tmp/build python manage.py collectstatic --noinput -v 0 \
    && rm -rf /tmp/build
USER panda
VOLUME /state
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["python", "-m", "daphne", "-v", "0", "-b", "0.0.0.0", "-p", "8000", "--ping-interval", "10", "--ping-timeout", "10", "alphapanda.asgi:application"]
