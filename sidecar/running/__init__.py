"""What a process of FaceLease does: open the services, run jobs and the schedule, log, measure, stop."""
