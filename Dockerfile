# `npm run image` runs these steps without a container engine. Build it with `docker build --build-arg SOURCE_COMMIT=$(git rev-parse HEAD) .`
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
# The build writes down what it was made of; the history is not here to ask.
ARG SOURCE_COMMIT=
RUN SOURCE_COMMIT=${SOURCE_COMMIT} npm run build

FROM ${NODE_IMAGE} AS production
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM ${NODE_IMAGE}
WORKDIR /app
COPY package.json LICENSE ./
COPY prisma/migrations prisma/migrations
COPY --from=production /app/node_modules node_modules
COPY --from=build /app/dist dist
# From here on nothing is root's: the program cannot change itself. The embedded database lies in a folder of its own, with its
# lock and the first admin's key beside it.
USER node
WORKDIR /home/node
RUN mkdir state
ENV NODE_ENV=production
ENV HOST=0.0.0.0
ENV VALHALLA_DATA_DIR=/home/node/state/data
VOLUME ["/home/node/state"]
EXPOSE 4000
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 4000}/readyz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "/app/dist/main.js"]
