"""Production traffic: logged answers read, masked, sampled, scored without labels, and followed over days."""
