# The few commands everyone runs. Each sets itself up on a fresh machine that has Python 3.11–3.13 and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
VENV ?= .venv
PY := $(VENV)/bin/python
ZHANGGUI := $(VENV)/bin/zhanggui

.PHONY: help demo demo-reset serve doctor test check format bench docs messages browser lock core dev clean

help: ## 这一页 · this page
	@echo "掌柜 zhanggui"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: core ## 一条命令看演示：模拟平台 + 网站 + 后台 · the demo, on simulated data; Ctrl-C stops it
	@exec $(ZHANGGUI) demo --with-parent $(ARGS)

demo-reset: core ## 删掉演示数据，重新开始 · forget the demo's data
	@$(ZHANGGUI) demo-reset $(ARGS)

serve: core ## 正式使用：网站 + 后台 · for real use
	@exec $(ZHANGGUI) serve --with-parent $(ARGS)

doctor: core ## 体检：缺什么、哪里不对 · what is missing or wrong
	@$(ZHANGGUI) doctor $(ARGS)

test: dev ## 全部测试：SQLite，有 PostgreSQL 时再来一遍 · all tests, on PostgreSQL too where one answers
	@$(PY) tests/run.py $(ARGS)

check: dev ## 格式、检查、类型、层次、迁移、文档表、文案 · everything but the tests
	@$(PY) tests/check.py $(ARGS)

format: dev ## 按统一格式整理代码 · format the code
	@$(PY) -m ruff format src tests bench requirements
	$(PY) -m ruff check --fix src tests bench requirements

bench: dev ## 与同类并排的速度测量 · benchmarks beside plain peers
	@PYTHONPATH=.:src $(PY) -m bench $(ARGS)

docs: dev ## 重新生成 docs 里的表 · regenerate the tables made from code
	@$(PY) -m zhanggui.doors.cli.docs

messages: dev ## 重新收集界面文案 · regenerate the message catalogue
	@$(PY) -m zhanggui.doors.cli.messages

browser: dev ## 只跑浏览器测试 · only the tests in Chromium
	@$(PY) -m pytest tests/browser $(ARGS)

lock: dev ## 重新解析依赖（不写下载地址） · resolve the dependencies anew
	@cd requirements
	for set in bootstrap core; do ../$(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $$set.in -o $$set.txt; done
	../$(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate dev.in -c core.txt -o dev.txt
	if grep -l '://' *.txt; then echo "a lock file names an address"; exit 1; fi

clean: ## 删掉 .venv（不碰数据） · remove the environment, not the data
	rm -rf $(VENV)

core: $(PY)
	@$(PY) requirements/install.py core

dev: $(PY)
	@$(PY) requirements/install.py dev

$(PY):
	@python=""
	for name in python3.11 python3 python3.12 python3.13; do
	  if "$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1; then python=$$name; break; fi
	done
	if [ -z "$$python" ]; then
	  echo "没有找到 Python 3.11–3.13。Debian/Ubuntu：sudo apt install python3 python3-venv" >&2
	  echo "No Python 3.11–3.13 found. Debian/Ubuntu: sudo apt install python3 python3-venv" >&2; exit 1
	fi
	if ! "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
	  version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
	  root=""; [ "$$(id -u)" = 0 ] || root="sudo -n"
	  echo "这台机器的 Python 缺少 venv，正在用 apt 安装 python$$version-venv …… / installing python$$version-venv"
	  if ! { command -v apt-get >/dev/null && $$root apt-get update -qq && $$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "python$$version-venv"; } >/dev/null 2>&1; then
	    echo "没有装上（需要管理员权限）。请先运行：sudo apt install python$$version-venv" >&2
	    echo "This Python has no venv and it could not be installed. Run first: sudo apt install python$$version-venv" >&2; exit 1
	  fi
	fi
	rm -rf $(VENV)
	"$$python" -m venv $(VENV)
