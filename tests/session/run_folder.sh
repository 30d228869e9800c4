#!/bin/sh
# run_folder.sh RUNNER FOLDER: replays all transcripts of a folder.
exec "$1" "$2"/*
