"""The policy pack: rules that every `pulumi preview` and `pulumi up` of a stack must keep to."""
