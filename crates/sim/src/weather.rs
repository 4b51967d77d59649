//! What breaks: links between regions, a region's engine, its way to the linear store, nodes.

use crate::{climate::Break, world::World};
use std::sync::Arc;
use testkit::random::Random;

/// Lets things break until the world ends.
pub(crate) async fn blow(world: Arc<World>, mut random: Random) {
    loop {
        world.executor.sleep(random.below(world.climate.weather_ms)).await;
        break_something(&world, &mut random);
    }
}

fn break_something(world: &World, random: &mut Random) {
    let most = random.pick(world.climate.breaks_ms).copied().unwrap_or(0);
    let millis = random.below(most + 1);
    let region = random.index(world.regions);
    let other = (region + 1 + random.index(world.regions - 1)) % world.regions;
    match random.weighted(world.climate.breaks, Break::Node) {
        Break::LinkOneWay => {
            world.note(|| format!("region {other} hears nothing of region {region} for {millis} ms"));
            world.engine.cut(region, other, millis);
        }
        Break::LinkBothWays => {
            world.note(|| format!("regions {region} and {other} are cut off for {millis} ms"));
            world.engine.cut(region, other, millis);
            world.engine.cut(other, region, millis);
        }
        Break::Engine => {
            // Shoppers wait no longer than that for their whole region.
            let millis = millis.min(60_000);
            world.note(|| format!("the engine of region {region} is away for {millis} ms"));
            world.engine.take_away(region, millis);
        }
        Break::Linear => {
            world.note(|| format!("region {region} does not reach the linear store for {millis} ms"));
            world.engine.take_linear_away(region, millis);
        }
        Break::Node => world.restart_node(random),
    }
}
