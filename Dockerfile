# The main job in a container, without a GPU:
#   docker build -t cadbench . && docker run --rm -v "$PWD/runs:/study/runs" cadbench run --method mecad --experts 1-8
FROM python:3.11-slim
WORKDIR /cadbench
COPY . .
RUN pip install --no-cache-dir .
ENV CADBENCH_CACHE=/study/cache MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /study
ENTRYPOINT ["cadbench"]
CMD ["run", "--method", "mecad", "--experts", "1-8"]
