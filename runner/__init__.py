"""The engine: how a run is started, followed, stopped and proven to be over."""
