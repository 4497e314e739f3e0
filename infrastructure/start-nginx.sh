#!/bin/sh
# Fills the ${…} of nginx.conf (and of the TLS settings, where there are any) from the environment and becomes nginx.
# Used by the container and by the tests alike.
set -eu

# Only these are replaced: nginx's own variables ($host, $uri, …) must stay.
# shellcheck disable=SC2016
fill() { envsubst '${NGINX_LISTEN} ${NGINX_RUN_DIR} ${NGINX_TLS_DIR} ${NGINX_STATIC_DIR} ${WEB_ADDRESS} ${ENGINE_ADDRESS}' <"$1" >"$2"; }

mkdir -p "$NGINX_RUN_DIR/tls"
fill "${NGINX_TEMPLATE:-$(dirname "$0")/nginx.conf}" "$NGINX_RUN_DIR/nginx.conf"
for file in "$NGINX_TLS_DIR"/*.conf; do
  if [ -e "$file" ]; then fill "$file" "$NGINX_RUN_DIR/tls/$(basename "$file")"; fi
done
exec nginx -e stderr -c "$NGINX_RUN_DIR/nginx.conf" -g "daemon off; ${NGINX_DIRECTIVES:-}"
