"""A feature store: values of entities, kept on the volumes of its replicas."""
