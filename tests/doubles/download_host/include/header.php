<!doctype html><div id="CentralSpace">
