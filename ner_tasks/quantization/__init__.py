"""From a frozen FP32 graph to an INT8 one: INC's calibration, our graph around its ranges, and the search for enough accuracy."""
