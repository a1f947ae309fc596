"""What `edgevoice doctor` looks at. A check returns findings, and changes nothing."""
