"""What `make bench` runs: each module bench_NAME.py has a function run() that returns its figures."""
